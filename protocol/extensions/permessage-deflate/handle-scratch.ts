import { ChunkedOutput } from "./chunked-output.js";
import { WasmInflater } from "./wasm-inflater.js";
import { RestartBudget } from "./restart-budget.js";
import { WindowPrimer } from "./window-primer.js";

/** What the codecs of one factory share: none of them holds any of it between two calls. */
export class HandleScratch {
  readonly inflated: ChunkedOutput = new ChunkedOutput();
  readonly deflated: ChunkedOutput = new ChunkedOutput();
  readonly primer: WindowPrimer = new WindowPrimer();
  readonly restarts: RestartBudget = new RestartBudget();
  readonly own: WasmInflater = new WasmInflater();
}
