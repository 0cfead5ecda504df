import { ValidationTypes, getMetadataStorage } from 'class-validator';

/**
 * Whether a payload breaks any constraint of its class: the class-validator constraints themselves, asked one after the
 * other. `validateSync` asks the same, and prepares for every property of every payload what it would say of a
 * violation; it is for those that have one.
 *
 * @throws Error for a class with constraints of another kind than this asks: `each` and nested ones
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
          throw new Error(`"${property}" has a constraint that cannot be asked alone.`);
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
