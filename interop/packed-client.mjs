import { access, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runCommand } from "./run-command.mjs";

/**
 * Packs the package, unpacks the tarball as an installation would, and imports it from there: what is tested
 * is what a user gets, through its public exports.
 *
 * @param {string} root - The folder of the package.
 * @param {string} folder - An empty folder to work in.
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

/** npm 11 prints an array of packages, later ones an object by name. */
function tarballName(printed) {
  const [first] = Object.values(JSON.parse(printed));
  return first.filename;
}
