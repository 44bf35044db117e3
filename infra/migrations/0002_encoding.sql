-- The road by which the output got its pixels: reencoded, lossless or original. Null for images
-- that have no output, and for those that ended before this column was there.
ALTER TABLE images ADD COLUMN encoding text;
