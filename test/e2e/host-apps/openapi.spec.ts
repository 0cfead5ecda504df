import { describe, expect, it } from '@jest/globals';
import { SetMetadata, type Type } from '@nestjs/common';
import { Cr3dentialsWebhookModule } from 'nestjs-cr3dentials-webhook';

/** The key under which `@ApiExcludeController()` of @nestjs/swagger writes. */
const EXCLUDE = 'swagger/apiExcludeController';

function controllerWith(controllerDecorators: ClassDecorator[]): Type {
  const [controller] = Cr3dentialsWebhookModule.forRoot({ auth: 'none', controllerDecorators }).controllers ?? [];
  return controller as Type;
}

/** As @nestjs/swagger reads it. test/packaging/compat asks the real one. */
function isExcluded(controller: Type): boolean {
  return (Reflect.getMetadata(EXCLUDE, controller) as boolean[] | undefined)?.[0] === true;
}

describe("the host's OpenAPI document", () => {
  it('does not show the route, whose body and answer it could not know', () => {
    expect(isExcluded(controllerWith([]))).toBe(true);
  });

  it('shows it where the host says so, with the status of an acknowledgement', () => {
    const controller = controllerWith([SetMetadata(EXCLUDE, [false])]);
    expect(isExcluded(controller)).toBe(false);
    expect(Reflect.getMetadata('__httpCode__', controller.prototype.receive)).toBe(200);
  });
});
