//! What is seen of errors, and what lasts.

pub(super) mod activity;
pub(super) mod drawn;
pub(super) mod importance;
pub(super) mod metric;
pub(super) mod perception;
