/** Imports a module of soak/. The modules are JavaScript, so the caller supplies the type. */
export async function load<Module>(name: string): Promise<Module> {
  return (await import(new URL(`../../soak/${name}`, import.meta.url).href)) as Module;
}
