// Objects shared by all handle codecs of one factory. No codec keeps data in them between two calls.
import { ChunkedOutput } from "./chunked-output.js";
import { InflateBudget } from "./inflate-budget.js";
import { WasmInflater } from "./wasm-inflater.js";
import { WindowPrimer } from "./window-primer.js";

export class HandleScratch {
  readonly inflated: ChunkedOutput = new ChunkedOutput();
  readonly deflated: ChunkedOutput = new ChunkedOutput();
  readonly primer: WindowPrimer = new WindowPrimer();
  readonly budget: InflateBudget = new InflateBudget();
  readonly ownInflater: WasmInflater = new WasmInflater();
}
