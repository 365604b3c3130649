/** Coding with a trained model, lossy and lossless, and the entropy coder alone. No Node, no further packages. */
export { binarized, compressLossless, decompressLossless, type BitsBackFile } from './bits-back.js';
export {
  codedKinds,
  readCodedFile,
  writeCodedFile,
  type CodedFile,
  type CodedKind,
  type ReadCodedOptions,
} from './coded-file.js';
export {
  compress,
  decompress,
  modelTables,
  readLatents,
  type CodedLatents,
  type CompressedFile,
  type CompressOptions,
} from './compress.js';
export { RansStack } from './rans.js';
export { bitsOf, popValue, pushValue, quantize, type SymbolTable } from './table.js';
export { tablesFromBytes, tablesToBytes } from './table-bytes.js';
