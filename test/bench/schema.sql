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

-- AddForeignKey
ALTER TABLE "SealedLetter" ADD CONSTRAINT "SealedLetter_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "Sealed"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "PlainLetter" ADD CONSTRAINT "PlainLetter_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "Plain"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "PeerLetter" ADD CONSTRAINT "PeerLetter_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "Peer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

