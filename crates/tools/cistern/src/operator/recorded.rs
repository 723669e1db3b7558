//! What the pipelines recorded about raw objects: the batches that the loader committed, the files of the lake that the archiver wrote,
//! and the objects that were rejected. Commands report an outcome by these, never by what they sent.

pub(crate) mod batches;
pub(crate) mod lake;
pub(crate) mod outcome;
pub(crate) mod rejections;
