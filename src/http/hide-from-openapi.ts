/** Metadata key of `@ApiExcludeController()`. `@nestjs/swagger` is not imported for it: most hosts do without. */
const EXCLUDE_CONTROLLER = 'swagger/apiExcludeController';

/**
 * Leaves the controller out of the host's OpenAPI document. The document would have no body, header or answer, because
 * the controller reads and writes them itself. A decorator of the host that says otherwise wins.
 */
export function hideFromOpenApi(): ClassDecorator {
  return (controller) => {
    if (Reflect.hasOwnMetadata(EXCLUDE_CONTROLLER, controller)) return;
    Reflect.defineMetadata(EXCLUDE_CONTROLLER, [true], controller);
  };
}
