import { availableParallelism } from "node:os";
import type { ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = {
  test: {
    // By default vitest leaves one core free, which on two cores means one worker.
    maxWorkers: availableParallelism(),
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/package/**", "test/proxies/**"],
          testTimeout: 10_000,
        },
      },
      {
        extends: true,
        // About the built and packed package; needs `npm run build`, and the registry for an old Node.
        test: {
          name: "package",
          include: ["test/package/*.test.ts"],
          globalSetup: ["test/package/packed.ts"],
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        // With the real proxies that test/proxies/fetch.sh installs.
        test: {
          name: "proxies",
          include: ["test/proxies/*.test.ts"],
          testTimeout: 20_000,
        },
      },
    ],
    coverage: {
      provider: "v8",
      include: ["protocol/**/*.ts", "src/**/*.ts"],
      exclude: ["test/**"],
      reporter: [["text", { skipFull: true }], "json-summary", "html"],
      thresholds: {
        "protocol/**": { lines: 100, branches: 97 },
        "src/**": { lines: 92 },
        "src/{reconnect,heartbeat,buffer,stats}/**": { lines: 100 },
      },
    },
  },
};

export default config;
