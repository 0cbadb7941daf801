-- CreateTable
CREATE TABLE "where" (
    "id" TEXT NOT NULL,
    "select" TEXT NOT NULL,
    "where" TEXT,
    "envelope" JSONB,

    CONSTRAINT "where_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "data" (
    "id" SERIAL NOT NULL,
    "update" TEXT NOT NULL,
    "toString" TEXT,
    "constructor" JSONB,
    "__envelope__" JSONB,

    CONSTRAINT "data_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "connect" (
    "id" SERIAL NOT NULL,
    "create" INTEGER,
    "is" TEXT,
    "connect" TEXT NOT NULL,
    "equals" INTEGER,
    "envelope" JSONB,

    CONSTRAINT "connect_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "select" (
    "id" SERIAL NOT NULL,
    "where" TEXT NOT NULL DEFAULT 'plain',

    CONSTRAINT "select_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "_connectTodata" (
    "A" INTEGER NOT NULL,
    "B" INTEGER NOT NULL,

    CONSTRAINT "_connectTodata_AB_pkey" PRIMARY KEY ("A","B")
);

-- CreateIndex
CREATE UNIQUE INDEX "where_select_key" ON "where"("select");

-- CreateIndex
CREATE UNIQUE INDEX "data_update_toString_key" ON "data"("update", "toString");

-- CreateIndex
CREATE UNIQUE INDEX "connect_create_key" ON "connect"("create");

-- CreateIndex
CREATE UNIQUE INDEX "connect_is_key" ON "connect"("is");

-- CreateIndex
CREATE INDEX "_connectTodata_B_index" ON "_connectTodata"("B");

-- AddForeignKey
ALTER TABLE "data" ADD CONSTRAINT "data_update_fkey" FOREIGN KEY ("update") REFERENCES "where"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "connect" ADD CONSTRAINT "connect_create_fkey" FOREIGN KEY ("create") REFERENCES "select"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "connect" ADD CONSTRAINT "connect_is_fkey" FOREIGN KEY ("is") REFERENCES "where"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "_connectTodata" ADD CONSTRAINT "_connectTodata_A_fkey" FOREIGN KEY ("A") REFERENCES "connect"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "_connectTodata" ADD CONSTRAINT "_connectTodata_B_fkey" FOREIGN KEY ("B") REFERENCES "data"("id") ON DELETE CASCADE ON UPDATE CASCADE;
