-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "Patient" (
    "id" TEXT NOT NULL,
    "ssn" TEXT NOT NULL,
    "prefix" TEXT,
    "firstName" TEXT NOT NULL,
    "lastName" TEXT NOT NULL,
    "suffix" TEXT,
    "maidenName" TEXT,
    "birthDate" DATE NOT NULL,
    "deathDate" DATE,
    "birthplace" TEXT,
    "gender" TEXT,
    "maritalStatus" TEXT,
    "race" TEXT,
    "ethnicity" TEXT,
    "driversLicense" TEXT,
    "passport" TEXT,
    "address" TEXT NOT NULL,
    "city" TEXT NOT NULL,
    "county" TEXT,
    "state" TEXT,
    "zip" TEXT,
    "latitude" DOUBLE PRECISION,
    "longitude" DOUBLE PRECISION,
    "expenses" DECIMAL(65,30),
    "coverage" DECIMAL(65,30),
    "ward" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "Patient_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Condition" (
    "id" TEXT NOT NULL,
    "patientId" TEXT NOT NULL,
    "encounterId" TEXT,
    "code" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "start" DATE NOT NULL,
    "stop" DATE,
    "envelope" JSONB,

    CONSTRAINT "Condition_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "Patient_ssn_idx" ON "Patient"("ssn");

-- CreateIndex
CREATE INDEX "Condition_patientId_idx" ON "Condition"("patientId");

-- AddForeignKey
ALTER TABLE "Condition" ADD CONSTRAINT "Condition_patientId_fkey" FOREIGN KEY ("patientId") REFERENCES "Patient"("id") ON DELETE CASCADE ON UPDATE CASCADE;

