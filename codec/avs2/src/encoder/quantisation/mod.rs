//! Transform, quantisation and the bits of levels.

pub(super) mod quantiser;
pub(super) mod rate;
pub(super) mod transform;
