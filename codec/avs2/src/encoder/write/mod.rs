//! What was decided, and how it is written.

pub(super) mod lcu;
pub(super) mod stream;
