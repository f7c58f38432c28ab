/** Loads a module of the benchmark. They are plain JavaScript, so the caller says what it finds there. */
export async function load<Module>(name: string): Promise<Module> {
  return (await import(new URL(`../../bench/${name}`, import.meta.url).href)) as Module;
}
