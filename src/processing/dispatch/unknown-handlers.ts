import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../../clock.js';

const REPORT_INTERVAL_MS = 60_000;

/**
 * Logs a warning about deliveries that wait for a handler which this instance does not have. Each handler gets one line
 * a minute at most.
 */
@Injectable()
export class UnknownHandlers {
  private readonly logger = new Logger('Cr3dentialsWebhook');
  private readonly reports = new Map<string, { deliveries: Set<string>; nextAt: number }>();

  constructor(private readonly clock: Clock) {}

  report(handler: string, deliveryId: string): void {
    const report = this.reports.get(handler) ?? { deliveries: new Set(), nextAt: 0 };
    this.reports.set(handler, report);
    report.deliveries.add(deliveryId);
    if (this.clock.now() < report.nextAt) return;
    this.logger.warn(
      `${report.deliveries.size} deliveries wait for the handler "${handler}", which this instance does not have. Start an instance that has it, or end them with inbox.discard().`,
    );
    report.deliveries.clear();
    report.nextAt = this.clock.now() + REPORT_INTERVAL_MS;
  }
}
