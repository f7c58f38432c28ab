// Runs a program of this repository in a process of its own and collects its output.
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** The folder of this repository. */
export const root: string = fileURLToPath(new URL("../..", import.meta.url));

if (!existsSync(new URL("../../dist/index.js", import.meta.url))) {
  throw new Error("There is no dist/: run `npm run build` first.");
}

export interface Outcome {
  /** The exit code, or the signal that ended the process. */
  readonly end: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program in a process of its own, which is killed at the end of the test that started it. */
export class RunningProgram {
  readonly process: ChildProcess;
  /** Resolves after the process has exited and its output has been read. */
  readonly outcome: Promise<Outcome>;
  #stdout = "";
  #stderr = "";
  #onPrinted: (() => void) | undefined;

  constructor(file: string, args: readonly string[], stdio: StdioOptions) {
    this.process = spawn(process.execPath, [file, ...args], { cwd: root, stdio });
    const { stdout, stderr } = this.process;
    stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      this.#onPrinted?.();
    });
    stderr!.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    // Node emits no "close" for a child whose IPC channel this process has disconnected.
    const ends = [once(stdout!, "close"), once(stderr!, "close"), once(this.process, "exit")];
    this.outcome = Promise.all(ends).then(() => ({
      end: this.process.exitCode ?? this.process.signalCode ?? 1,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
    onTestFinished(async () => {
      this.process.kill("SIGKILL");
      await this.outcome;
    });
  }

  /** Resolves once the program has printed `text`; rejects if it exits without printing it. */
  async printed(text: string): Promise<void> {
    const isThere = new Promise<void>((resolve) => {
      this.#onPrinted = (): void => {
        if (this.#stdout.includes(text)) resolve();
      };
      this.#onPrinted();
    });
    const hasEnded = this.outcome.then(({ stdout, stderr }) => {
      if (!stdout.includes(text)) throw new Error(`It ended without printing "${text}": ${stderr}`);
    });
    await Promise.race([isThere, hasEnded]);
  }
}

/** Starts a program without an IPC channel. `file` is relative to this repository. */
export function startProgram(file: string, ...args: readonly string[]): RunningProgram {
  return new RunningProgram(file, args, ["ignore", "pipe", "pipe"]);
}

/** Starts a server of the examples with an IPC channel and returns the URL that the server reports. */
export async function startServer(
  file: string,
  ...args: readonly string[]
): Promise<{ program: RunningProgram; url: string }> {
  const program = new RunningProgram(file, args, ["ignore", "pipe", "pipe", "ipc"]);
  const listening = new Promise<string>((resolve) => {
    program.process.once("message", (message) => resolve((message as { readonly url: string }).url));
  });
  const died = program.outcome.then(({ stderr }) => {
    throw new Error(`The server ended before it listened: ${stderr}`);
  });
  const url = await Promise.race([listening, died]);
  return { program, url };
}
