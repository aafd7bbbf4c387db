//! Cancellation of a running call.

/// Asked once per LCU row; `true` ends the call with [`Error::Cancelled`](crate::Error::Cancelled).
///
/// Any `Fn() -> bool` is a `CancelCheck`.
pub trait CancelCheck {
    /// Whether the caller has lost interest in the result.
    fn is_cancelled(&self) -> bool;
}

impl<F: Fn() -> bool> CancelCheck for F {
    fn is_cancelled(&self) -> bool {
        self()
    }
}

/// Never cancels.
#[derive(Debug, Clone, Copy, Default)]
pub struct NeverCancel;

impl CancelCheck for NeverCancel {
    fn is_cancelled(&self) -> bool {
        false
    }
}
