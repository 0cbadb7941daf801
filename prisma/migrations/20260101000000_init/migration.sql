-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "mood" AS ENUM ('CALM', 'very excited', 'sad');

-- CreateTable
CREATE TABLE "CuidKey" (
    "id" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "CuidKey_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Cuid2Key" (
    "id" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "Cuid2Key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "UlidKey" (
    "id" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "UlidKey_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "NanoidKey" (
    "id" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "NanoidKey_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Uuid7Key" (
    "id" UUID NOT NULL,
    "secret" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "Uuid7Key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "GivenKey" (
    "id" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "GivenKey_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "CharKey" (
    "id" CHAR(8) NOT NULL,
    "secret" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "CharKey_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "BigIntKey" (
    "id" BIGINT NOT NULL,
    "secret" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "BigIntKey_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "BigSerialKey" (
    "id" BIGSERIAL NOT NULL,
    "secret" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "BigSerialKey_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "DateTimeKey" (
    "at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "secret" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "DateTimeKey_pkey" PRIMARY KEY ("at")
);

-- CreateTable
CREATE TABLE "EnumKey" (
    "mood" "mood" NOT NULL,
    "secret" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "EnumKey_pkey" PRIMARY KEY ("mood")
);

-- CreateTable
CREATE TABLE "CompoundKey" (
    "region" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "secret" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "CompoundKey_pkey" PRIMARY KEY ("region","number")
);

-- CreateTable
CREATE TABLE "mixed_keys" (
    "region" TEXT NOT NULL,
    "number" SERIAL NOT NULL,
    "secret" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "mixed_keys_pkey" PRIMARY KEY ("region","number")
);

-- CreateTable
CREATE TABLE "UniqueOnly" (
    "slug" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "envelope" JSONB
);

-- CreateTable
CREATE TABLE "all_types" (
    "id" SERIAL NOT NULL,
    "string" TEXT NOT NULL,
    "int" INTEGER NOT NULL,
    "bigInt" BIGINT NOT NULL,
    "float" DOUBLE PRECISION NOT NULL,
    "decimal" DECIMAL(65,30) NOT NULL,
    "boolean" BOOLEAN NOT NULL,
    "dateTime" TIMESTAMP(3) NOT NULL,
    "json" JSONB NOT NULL,
    "bytes" BYTEA NOT NULL,
    "mood" "mood" NOT NULL,
    "stringOpt" TEXT,
    "intOpt" INTEGER,
    "bigIntOpt" BIGINT,
    "floatOpt" DOUBLE PRECISION,
    "decimalOpt" DECIMAL(65,30),
    "booleanOpt" BOOLEAN,
    "dateTimeOpt" TIMESTAMP(3),
    "jsonOpt" JSONB,
    "bytesOpt" BYTEA,
    "moodOpt" "mood",
    "stringList" TEXT[],
    "intList" INTEGER[],
    "bigIntList" BIGINT[],
    "floatList" DOUBLE PRECISION[],
    "decimalList" DECIMAL(65,30)[],
    "booleanList" BOOLEAN[],
    "dateTimeList" TIMESTAMP(3)[],
    "jsonList" JSONB[],
    "bytesList" BYTEA[],
    "moodList" "mood"[],
    "envelope" JSONB,

    CONSTRAINT "all_types_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "native_types" (
    "id" SERIAL NOT NULL,
    "text" TEXT,
    "varChar" VARCHAR(20),
    "char" CHAR(10),
    "uuid" UUID,
    "smallInt" SMALLINT,
    "integer" INTEGER,
    "bigInt" BIGINT,
    "real" REAL,
    "doublePrecision" DOUBLE PRECISION,
    "decimal" DECIMAL(8,2),
    "boolean" BOOLEAN,
    "timestamp" TIMESTAMP(3),
    "timestampSecond" TIMESTAMP(0),
    "timestamptz" TIMESTAMPTZ(6),
    "date" DATE,
    "time" TIME(3),
    "json" JSON,
    "jsonB" JSONB,
    "byteA" BYTEA,
    "searchVarChar" VARCHAR(64),
    "uuidList" UUID[],
    "decimalList" DECIMAL(8,2)[],
    "envelope" JSONB,

    CONSTRAINT "native_types_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Defaults" (
    "id" SERIAL NOT NULL,
    "string" TEXT NOT NULL DEFAULT 'n/a',
    "int" INTEGER NOT NULL DEFAULT 7,
    "bigInt" BIGINT NOT NULL DEFAULT 9007199254740993,
    "float" DOUBLE PRECISION NOT NULL DEFAULT 1.5,
    "decimal" DECIMAL(65,30) NOT NULL DEFAULT 12.340,
    "boolean" BOOLEAN NOT NULL DEFAULT true,
    "dateTime" TIMESTAMP(3) NOT NULL DEFAULT '2020-02-29 12:00:00.123 +00:00',
    "json" JSONB NOT NULL DEFAULT '{"a": [1, null]}',
    "bytes" BYTEA NOT NULL DEFAULT '\x48656c6c6f',
    "mood" "mood" NOT NULL DEFAULT 'very excited',
    "list" TEXT[] DEFAULT ARRAY['a', 'b']::TEXT[],
    "city" TEXT NOT NULL DEFAULT 'Oslo',
    "envelope" JSONB,

    CONSTRAINT "Defaults_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Patient" (
    "id" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "ssn" TEXT,
    "fullName" TEXT NOT NULL,
    "birthDate" TIMESTAMP(3),
    "history" JSONB,
    "notes" TEXT,
    "ward" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "doctorId" UUID,
    "envelope" JSONB,

    CONSTRAINT "Patient_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Doctor" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "Doctor_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "conditions" (
    "condition_id" SERIAL NOT NULL,
    "patient_id" TEXT NOT NULL,
    "code_text" TEXT NOT NULL,
    "descr" TEXT NOT NULL,
    "severity" INTEGER,
    "started_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "condition_envelope" JSONB,

    CONSTRAINT "conditions_pkey" PRIMARY KEY ("condition_id")
);

-- CreateTable
CREATE TABLE "Profile" (
    "patientId" TEXT NOT NULL,
    "bio" TEXT,
    "phone" TEXT NOT NULL,
    "theme" TEXT NOT NULL DEFAULT 'light',
    "envelope" JSONB,

    CONSTRAINT "Profile_pkey" PRIMARY KEY ("patientId")
);

-- CreateTable
CREATE TABLE "Tag" (
    "id" SERIAL NOT NULL,
    "label" TEXT NOT NULL,

    CONSTRAINT "Tag_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Tenant" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,

    CONSTRAINT "Tenant_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Member" (
    "id" TEXT NOT NULL,
    "tenantId" INTEGER NOT NULL,
    "email" TEXT NOT NULL,
    "nickname" TEXT,
    "role" TEXT NOT NULL DEFAULT 'reader',
    "envelope" JSONB,

    CONSTRAINT "Member_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Category" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "parentId" INTEGER,
    "envelope" JSONB,

    CONSTRAINT "Category_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Contact" (
    "id" SERIAL NOT NULL,
    "email" TEXT NOT NULL,
    "backupEmail" TEXT,
    "familyName" TEXT NOT NULL,
    "street" TEXT NOT NULL,
    "envelope_v1" JSONB,

    CONSTRAINT "Contact_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Plain" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "count" INTEGER NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Plain_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Wide" (
    "id" SERIAL NOT NULL,
    "c001" TEXT,
    "c002" TEXT,
    "c003" TEXT,
    "c004" TEXT,
    "c005" TEXT,
    "c006" TEXT,
    "c007" TEXT,
    "c008" TEXT,
    "c009" TEXT,
    "c010" TEXT,
    "c011" TEXT,
    "c012" TEXT,
    "c013" TEXT,
    "c014" TEXT,
    "c015" TEXT,
    "c016" TEXT,
    "c017" TEXT,
    "c018" TEXT,
    "c019" TEXT,
    "c020" TEXT,
    "c021" TEXT,
    "c022" TEXT,
    "c023" TEXT,
    "c024" TEXT,
    "c025" TEXT,
    "c026" TEXT,
    "c027" TEXT,
    "c028" TEXT,
    "c029" TEXT,
    "c030" TEXT,
    "c031" TEXT,
    "c032" TEXT,
    "c033" TEXT,
    "c034" TEXT,
    "c035" TEXT,
    "c036" TEXT,
    "c037" TEXT,
    "c038" TEXT,
    "c039" TEXT,
    "c040" TEXT,
    "c041" TEXT,
    "c042" TEXT,
    "c043" TEXT,
    "c044" TEXT,
    "c045" TEXT,
    "c046" TEXT,
    "c047" TEXT,
    "c048" TEXT,
    "c049" TEXT,
    "c050" TEXT,
    "c051" TEXT,
    "c052" TEXT,
    "c053" TEXT,
    "c054" TEXT,
    "c055" TEXT,
    "c056" TEXT,
    "c057" TEXT,
    "c058" TEXT,
    "c059" TEXT,
    "c060" TEXT,
    "c061" TEXT,
    "c062" TEXT,
    "c063" TEXT,
    "c064" TEXT,
    "c065" TEXT,
    "c066" TEXT,
    "c067" TEXT,
    "c068" TEXT,
    "c069" TEXT,
    "c070" TEXT,
    "c071" TEXT,
    "c072" TEXT,
    "c073" TEXT,
    "c074" TEXT,
    "c075" TEXT,
    "c076" TEXT,
    "c077" TEXT,
    "c078" TEXT,
    "c079" TEXT,
    "c080" TEXT,
    "c081" TEXT,
    "c082" TEXT,
    "c083" TEXT,
    "c084" TEXT,
    "c085" TEXT,
    "c086" TEXT,
    "c087" TEXT,
    "c088" TEXT,
    "c089" TEXT,
    "c090" TEXT,
    "c091" TEXT,
    "c092" TEXT,
    "c093" TEXT,
    "c094" TEXT,
    "c095" TEXT,
    "c096" TEXT,
    "c097" TEXT,
    "c098" TEXT,
    "c099" TEXT,
    "c100" TEXT,
    "c101" TEXT,
    "c102" TEXT,
    "c103" TEXT,
    "c104" TEXT,
    "c105" TEXT,
    "c106" TEXT,
    "c107" TEXT,
    "c108" TEXT,
    "c109" TEXT,
    "c110" TEXT,
    "c111" TEXT,
    "c112" TEXT,
    "c113" TEXT,
    "c114" TEXT,
    "c115" TEXT,
    "c116" TEXT,
    "c117" TEXT,
    "c118" TEXT,
    "c119" TEXT,
    "c120" TEXT,
    "c121" TEXT,
    "c122" TEXT,
    "c123" TEXT,
    "c124" TEXT,
    "c125" TEXT,
    "c126" TEXT,
    "c127" TEXT,
    "c128" TEXT,
    "c129" TEXT,
    "c130" TEXT,
    "c131" TEXT,
    "c132" TEXT,
    "c133" TEXT,
    "c134" TEXT,
    "c135" TEXT,
    "c136" TEXT,
    "c137" TEXT,
    "c138" TEXT,
    "c139" TEXT,
    "c140" TEXT,
    "c141" TEXT,
    "c142" TEXT,
    "c143" TEXT,
    "c144" TEXT,
    "c145" TEXT,
    "c146" TEXT,
    "c147" TEXT,
    "c148" TEXT,
    "c149" TEXT,
    "c150" TEXT,
    "c151" TEXT,
    "c152" TEXT,
    "c153" TEXT,
    "c154" TEXT,
    "c155" TEXT,
    "c156" TEXT,
    "c157" TEXT,
    "c158" TEXT,
    "c159" TEXT,
    "c160" TEXT,
    "c161" TEXT,
    "c162" TEXT,
    "c163" TEXT,
    "c164" TEXT,
    "c165" TEXT,
    "c166" TEXT,
    "c167" TEXT,
    "c168" TEXT,
    "c169" TEXT,
    "c170" TEXT,
    "c171" TEXT,
    "c172" TEXT,
    "c173" TEXT,
    "c174" TEXT,
    "c175" TEXT,
    "c176" TEXT,
    "c177" TEXT,
    "c178" TEXT,
    "c179" TEXT,
    "c180" TEXT,
    "c181" TEXT,
    "c182" TEXT,
    "c183" TEXT,
    "c184" TEXT,
    "c185" TEXT,
    "c186" TEXT,
    "c187" TEXT,
    "c188" TEXT,
    "c189" TEXT,
    "c190" TEXT,
    "c191" TEXT,
    "c192" TEXT,
    "c193" TEXT,
    "c194" TEXT,
    "c195" TEXT,
    "c196" TEXT,
    "c197" TEXT,
    "c198" TEXT,
    "c199" TEXT,
    "c200" TEXT,
    "envelope" JSONB,

    CONSTRAINT "Wide_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "_PatientToTag" (
    "A" TEXT NOT NULL,
    "B" INTEGER NOT NULL,

    CONSTRAINT "_PatientToTag_AB_pkey" PRIMARY KEY ("A","B")
);

-- CreateIndex
CREATE UNIQUE INDEX "UniqueOnly_slug_key" ON "UniqueOnly"("slug");

-- CreateIndex
CREATE UNIQUE INDEX "Patient_email_key" ON "Patient"("email");

-- CreateIndex
CREATE INDEX "conditions_code_text_idx" ON "conditions"("code_text");

-- CreateIndex
CREATE UNIQUE INDEX "Tag_label_key" ON "Tag"("label");

-- CreateIndex
CREATE UNIQUE INDEX "Member_tenantId_email_key" ON "Member"("tenantId", "email");

-- CreateIndex
CREATE INDEX "_PatientToTag_B_index" ON "_PatientToTag"("B");

-- AddForeignKey
ALTER TABLE "Patient" ADD CONSTRAINT "Patient_doctorId_fkey" FOREIGN KEY ("doctorId") REFERENCES "Doctor"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "conditions" ADD CONSTRAINT "conditions_patient_id_fkey" FOREIGN KEY ("patient_id") REFERENCES "Patient"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Profile" ADD CONSTRAINT "Profile_patientId_fkey" FOREIGN KEY ("patientId") REFERENCES "Patient"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Member" ADD CONSTRAINT "Member_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Category" ADD CONSTRAINT "Category_parentId_fkey" FOREIGN KEY ("parentId") REFERENCES "Category"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "_PatientToTag" ADD CONSTRAINT "_PatientToTag_A_fkey" FOREIGN KEY ("A") REFERENCES "Patient"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "_PatientToTag" ADD CONSTRAINT "_PatientToTag_B_fkey" FOREIGN KEY ("B") REFERENCES "Tag"("id") ON DELETE CASCADE ON UPDATE CASCADE;

