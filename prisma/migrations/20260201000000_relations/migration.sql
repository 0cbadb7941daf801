-- CreateTable
CREATE TABLE "persons" (
    "id" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "age" INTEGER,
    "rank" INTEGER NOT NULL DEFAULT 0,
    "boss_id" TEXT,
    "sealed_envelope" JSONB,

    CONSTRAINT "persons_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Locker" (
    "id" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "place" TEXT NOT NULL DEFAULT 'hall',
    "owner_id" TEXT,
    "envelope" JSONB,

    CONSTRAINT "Locker_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Badge" (
    "ownerId" TEXT NOT NULL,
    "motto" TEXT NOT NULL,
    "colour" TEXT NOT NULL DEFAULT 'red',
    "envelope" JSONB,

    CONSTRAINT "Badge_pkey" PRIMARY KEY ("ownerId")
);

-- CreateTable
CREATE TABLE "Letter" (
    "id" SERIAL NOT NULL,
    "title" TEXT NOT NULL,
    "body" JSONB,
    "pages" INTEGER NOT NULL DEFAULT 1,
    "author_id" TEXT,
    "envelope" JSONB,

    CONSTRAINT "Letter_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Club" (
    "region" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "title" TEXT NOT NULL,
    "open" BOOLEAN NOT NULL DEFAULT true,
    "envelope" JSONB,

    CONSTRAINT "Club_pkey" PRIMARY KEY ("region","number")
);

-- CreateTable
CREATE TABLE "memberships" (
    "person_id" TEXT NOT NULL,
    "region" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "role" TEXT,
    "paid" INTEGER NOT NULL DEFAULT 0,
    "envelope" JSONB,

    CONSTRAINT "memberships_pkey" PRIMARY KEY ("person_id","region","number")
);

-- CreateTable
CREATE TABLE "_Friends" (
    "A" TEXT NOT NULL,
    "B" TEXT NOT NULL,

    CONSTRAINT "_Friends_AB_pkey" PRIMARY KEY ("A","B")
);

-- CreateIndex
CREATE UNIQUE INDEX "persons_email_key" ON "persons"("email");

-- CreateIndex
CREATE UNIQUE INDEX "Locker_owner_id_key" ON "Locker"("owner_id");

-- CreateIndex
CREATE UNIQUE INDEX "Badge_motto_key" ON "Badge"("motto");

-- CreateIndex
CREATE UNIQUE INDEX "Club_region_title_key" ON "Club"("region", "title");

-- CreateIndex
CREATE INDEX "_Friends_B_index" ON "_Friends"("B");

-- AddForeignKey
ALTER TABLE "persons" ADD CONSTRAINT "persons_boss_id_fkey" FOREIGN KEY ("boss_id") REFERENCES "persons"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Locker" ADD CONSTRAINT "Locker_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "persons"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Badge" ADD CONSTRAINT "Badge_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "persons"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Letter" ADD CONSTRAINT "Letter_author_id_fkey" FOREIGN KEY ("author_id") REFERENCES "persons"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_person_id_fkey" FOREIGN KEY ("person_id") REFERENCES "persons"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_region_number_fkey" FOREIGN KEY ("region", "number") REFERENCES "Club"("region", "number") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "_Friends" ADD CONSTRAINT "_Friends_A_fkey" FOREIGN KEY ("A") REFERENCES "persons"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "_Friends" ADD CONSTRAINT "_Friends_B_fkey" FOREIGN KEY ("B") REFERENCES "persons"("id") ON DELETE CASCADE ON UPDATE CASCADE;

