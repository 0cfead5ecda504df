import { forbidden } from '../api/dashboard.exception.js';
import type { Authenticator } from './authenticator.js';
import { socketAddressOf, type HostRequest } from './host.request.js';
import type { Operator } from './operator.js';

const LOOPBACK_ADDRESS = /^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/;
const LOOPBACK_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;
/** Headers of proxies. One on the same machine makes everybody local. */
const PROXY_HEADER = /^(forwarded|x-forwarded(-.*)?|x-real-ip|via)$/;

/** Lets in who comes from this machine, for development. */
export class LoopbackOperator implements Authenticator {
  authenticate(request: HostRequest): Operator {
    const { headers } = request;
    if (!LOOPBACK_ADDRESS.test(socketAddressOf(request)))
      throw forbidden(`The page is open to this machine only. Set "access" to guards or operators.`);
    if (Object.keys(headers).some((name) => PROXY_HEADER.test(name)))
      throw forbidden('The page is open without a proxy only. Set "access" to guards or operators.');
    // Another host name may be one of somebody else that resolves to this machine.
    if (!LOOPBACK_HOST.test(headers.host ?? ''))
      throw forbidden('The page is open under localhost, 127.0.0.1 and [::1] only.');
    return { id: 'loopback', can: 'everything' };
  }
}
