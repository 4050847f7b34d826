/** Data derived from contracts: schemas, bounds, personal data, documents for other tools, and breaking changes. */
export { asyncApi } from './describe/asyncapi.ts';
export { type Change, compare, unannounced } from './describe/compare.ts';
export {
  type ContractsFile,
  describe,
  type EntryFact,
  exported,
  isContract,
  type PipelineFact,
  type StepFact,
} from './describe/exported.ts';
export { mask, personalTexts, piiPaths } from './describe/mask.ts';
export { openApi } from './describe/openapi.ts';
export { type JsonSchema, jsonSchema, partsOf, schemaHash, type View } from './describe/schema.ts';
export { looseObjects, unbounded } from './describe/walk.ts';
