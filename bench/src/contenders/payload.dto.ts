import { IsIn, IsISO8601, IsNotEmpty, IsNumber, IsObject, IsOptional, IsString } from 'class-validator';

/** The documented fields, with the decorators that come to mind first. */
export class PayloadDto {
  @IsString()
  @IsNotEmpty()
  sessionId!: string;

  @IsIn(['COMPLETED', 'PARTIAL_COMPLETE', 'ERROR', 'CANCELLED', 'TERMINATED'])
  status!: string;

  @IsNumber()
  platformId!: number;

  @IsOptional()
  @IsString()
  externalReferenceId?: string | null;

  @IsOptional()
  @IsObject()
  extractedData?: Record<string, unknown> | null;

  @IsOptional()
  @IsString()
  proofHash?: string | null;

  @IsOptional()
  @IsISO8601()
  completedAt?: string | null;

  @IsOptional()
  @IsObject()
  metadata?: Record<string, unknown> | null;
}
