// The search for Python 2.7, with fake executables on PATH.
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { load } from "./load.js";

interface PythonServer {
  findPython(environment: Record<string, string>): Promise<string | undefined>;
}

const answering = (version: string): string => `#!/bin/sh\nprintf '${version}'\n`;
const brokenShim = "#!/bin/sh\necho 'python2.7: command not found' >&2\nexit 127\n";

describe("the search for Python 2.7", () => {
  let folder: string;
  let find: () => Promise<string | undefined>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "jetsocket-python-"));
    const { findPython } = await load<PythonServer>("server-python.mjs");
    find = () => findPython({ PATH: join(folder, "bin"), PYENV_ROOT: join(folder, "pyenv") });
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const place = async (name: string, script: string): Promise<string> => {
    const file = join(folder, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, script);
    await chmod(file, 0o755);
    return file;
  };

  it("finds nothing on a machine without Python", async () => {
    expect(await find()).toBeUndefined();
  });

  it("finds the one on PATH", async () => {
    await place("bin/python2.7", answering("2.7"));
    expect(await find()).toBe("python2.7");
  });

  it("skips a broken shim and other versions", async () => {
    await place("bin/python2.7", brokenShim);
    await place("bin/python", answering("3.12"));
    await place("pyenv/versions/3.12.1/bin/python2.7", answering("3.12"));
    const found = await place("pyenv/versions/2.7.18/bin/python2.7", answering("2.7"));
    expect(await find()).toBe(found);
  });

  it("searches the versions of pyenv too", async () => {
    await place("pyenv/versions/2.7.18/bin/python2.7", brokenShim);
    expect(await find()).toBeUndefined();
  });
});
