// Packs, unpacks and imports the package under test.
import { access, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runCommand } from "./run-command.mjs";

/**
 * Packs the package, unpacks the tarball as an installation does, and imports it from there, so that the checks use the
 * public exports of the published files.
 *
 * @param {string} root - The folder of the package.
 * @param {string} folder - An empty temporary folder.
 */
export async function importPackedClient(root, folder) {
  await access(join(root, "dist")).catch((cause) => {
    throw new Error("there is no dist/: run `npm run build` first", { cause });
  });
  const installed = join(folder, "node_modules", "jetsocket");
  await mkdir(installed, { recursive: true });
  const packed = await runCommand(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
    {
      cwd: root,
    },
  );
  await runCommand("tar", [
    "-xzf",
    join(folder, tarballName(packed)),
    "-C",
    installed,
    "--strip-components=1",
  ]);
  const door = join(folder, "door.mjs");
  await writeFile(door, 'export * from "jetsocket";\n');
  return import(pathToFileURL(door).href);
}

/** npm 11 prints an array of packages; later versions print an object with the package names as keys. */
function tarballName(printed) {
  const [first] = Object.values(JSON.parse(printed));
  return first.filename;
}
