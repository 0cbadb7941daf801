-- CreateTable
CREATE TABLE "envelope_keys" (
    "id" TEXT NOT NULL,
    "kid" TEXT NOT NULL,
    "table_name" TEXT NOT NULL,
    "context" JSONB NOT NULL,
    "context_digest" TEXT NOT NULL,
    "generation" INTEGER NOT NULL,
    "wrapped_key" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "erased_at" TIMESTAMP(3),

    CONSTRAINT "envelope_keys_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "envelope_keys_context_digest_idx" ON "envelope_keys"("context_digest");

-- CreateIndex
CREATE UNIQUE INDEX "envelope_keys_kid_table_name_context_digest_generation_key" ON "envelope_keys"("kid", "table_name", "context_digest", "generation");
