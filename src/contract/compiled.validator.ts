import { ValidationTypes, getMetadataStorage } from 'class-validator';

/**
 * Compiles the class-validator constraints of a class into a function that tells whether a payload fulfils all of them.
 * `validateSync` checks the same, but prepares an error for every property of every payload. It is only used for
 * payloads that break a constraint.
 *
 * @throws Error if the class has `each` or nested constraints
 */
export function compileValidator<T extends object>(contract: new () => T): (payload: T) => boolean {
  const storage = getMetadataStorage();
  const metadata = storage.getTargetValidationMetadatas(contract, '', false, false);
  const fields = Object.entries(storage.groupByPropertyName(metadata)).map(([property, ofProperty]) => ({
    property: property as keyof T & string,
    conditions: ofProperty.filter(({ type }) => type === ValidationTypes.CONDITIONAL_VALIDATION),
    constraints: ofProperty
      .filter(({ type }) => type !== ValidationTypes.CONDITIONAL_VALIDATION)
      .flatMap(({ type, each, constraintCls, constraints }) => {
        if (type !== ValidationTypes.CUSTOM_VALIDATION || each)
          throw new Error(`"${property}" has a constraint that cannot be checked on its own.`);
        return storage
          .getTargetValidatorConstraints(constraintCls)
          .map(({ instance }) => ({ constraint: instance, constraints }));
      }),
  }));
  return (object) =>
    fields.every(({ property, conditions, constraints: ofProperty }) => {
      const value = object[property];
      if (!conditions.every(({ constraints: [applies] }) => applies(object, value) as boolean)) return true;
      return ofProperty.every(
        ({ constraint, constraints }) =>
          constraint.validate(value, { value, constraints, object, property, targetName: contract.name }) === true,
      );
    });
}
