/** Why an import or an export cannot go on, in words for the operator. */
export class ImportProblem extends Error {
  override readonly name = 'ImportProblem';
}
