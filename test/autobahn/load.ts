/** Imports a module of autobahn/. The modules are JavaScript, so the caller supplies the type. */
export async function load<Module>(name: string): Promise<Module> {
  return (await import(new URL(`../../autobahn/${name}`, import.meta.url).href)) as Module;
}
