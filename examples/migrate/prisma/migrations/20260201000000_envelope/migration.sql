-- AlterTable
ALTER TABLE "Patient" ADD COLUMN     "envelope" JSONB;

