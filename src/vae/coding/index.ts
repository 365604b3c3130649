/** Entropy coding alone: tables in whole numbers, a coder that is a stack, a file. Needs no GPU. */
export { codedKinds, readCodedFile, writeCodedFile, type CodedFile, type CodedKind } from './coded-file.js';
export { RansStack } from './rans.js';
export { bitsOf, popValue, pushValue, quantize, type SymbolTable } from './table.js';
export { tablesFromBytes, tablesToBytes } from './table-bytes.js';
