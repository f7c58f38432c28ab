// Objects shared by all handle codecs of one factory. No codec keeps data in them between two calls.
import { ChunkedOutput } from "./chunked-output.js";
import { WasmInflater } from "./wasm-inflater.js";
import { RestartBudget } from "./restart-budget.js";
import { WindowPrimer } from "./window-primer.js";

export class HandleScratch {
  readonly inflated: ChunkedOutput = new ChunkedOutput();
  readonly deflated: ChunkedOutput = new ChunkedOutput();
  readonly primer: WindowPrimer = new WindowPrimer();
  readonly restarts: RestartBudget = new RestartBudget();
  readonly ownInflater: WasmInflater = new WasmInflater();
}
