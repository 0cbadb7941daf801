-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "Sealed" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "phone" TEXT NOT NULL,
    "street" TEXT NOT NULL,
    "ward" TEXT NOT NULL,
    "visits" INTEGER NOT NULL,
    "active" BOOLEAN NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "note" TEXT,
    "envelope" JSONB,

    CONSTRAINT "Sealed_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "SealedLetter" (
    "id" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "pages" INTEGER NOT NULL,
    "ownerId" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "SealedLetter_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Plain" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "phone" TEXT NOT NULL,
    "street" TEXT NOT NULL,
    "ward" TEXT NOT NULL,
    "visits" INTEGER NOT NULL,
    "active" BOOLEAN NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "note" TEXT,

    CONSTRAINT "Plain_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "PlainLetter" (
    "id" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "pages" INTEGER NOT NULL,
    "ownerId" TEXT NOT NULL,

    CONSTRAINT "PlainLetter_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Peer" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "phone" TEXT NOT NULL,
    "street" TEXT NOT NULL,
    "ward" TEXT NOT NULL,
    "visits" INTEGER NOT NULL,
    "active" BOOLEAN NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "note" TEXT,

    CONSTRAINT "Peer_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "PeerLetter" (
    "id" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "pages" INTEGER NOT NULL,
    "ownerId" TEXT NOT NULL,

    CONSTRAINT "PeerLetter_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "SealedMember" (
    "id" TEXT NOT NULL,
    "email" TEXT,
    "name" TEXT,
    "tags" TEXT[],
    "details" JSONB,
    "envelope" JSONB,

    CONSTRAINT "SealedMember_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "SealedMessage" (
    "id" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "slug" TEXT,
    "senderId" TEXT NOT NULL,
    "envelope" JSONB,

    CONSTRAINT "SealedMessage_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "PeerMember" (
    "id" TEXT NOT NULL,
    "email" TEXT,
    "emailHash" TEXT,
    "name" TEXT,
    "tags" TEXT[],
    "details" JSONB,

    CONSTRAINT "PeerMember_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "PeerMessage" (
    "id" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "slug" TEXT,
    "senderId" TEXT NOT NULL,

    CONSTRAINT "PeerMessage_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "SealedMember_email_key" ON "SealedMember"("email");

-- CreateIndex
CREATE UNIQUE INDEX "SealedMessage_slug_key" ON "SealedMessage"("slug");

-- CreateIndex
CREATE UNIQUE INDEX "PeerMember_email_key" ON "PeerMember"("email");

-- CreateIndex
CREATE UNIQUE INDEX "PeerMember_emailHash_key" ON "PeerMember"("emailHash");

-- CreateIndex
CREATE UNIQUE INDEX "PeerMessage_slug_key" ON "PeerMessage"("slug");

-- AddForeignKey
ALTER TABLE "SealedLetter" ADD CONSTRAINT "SealedLetter_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "Sealed"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "PlainLetter" ADD CONSTRAINT "PlainLetter_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "Plain"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "PeerLetter" ADD CONSTRAINT "PeerLetter_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "Peer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "SealedMessage" ADD CONSTRAINT "SealedMessage_senderId_fkey" FOREIGN KEY ("senderId") REFERENCES "SealedMember"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "PeerMessage" ADD CONSTRAINT "PeerMessage_senderId_fkey" FOREIGN KEY ("senderId") REFERENCES "PeerMember"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- CreateTable
CREATE TABLE "Migrated" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "phone" TEXT NOT NULL,
    "street" TEXT NOT NULL,
    "ward" TEXT NOT NULL,
    "visits" INTEGER NOT NULL,
    "active" BOOLEAN NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "note" TEXT,
    "envelope" JSONB,

    CONSTRAINT "Migrated_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "Migrated_email_key" ON "Migrated"("email");
