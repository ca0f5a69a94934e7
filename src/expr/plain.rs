//! Plain expressions, run natively.

use serde_json::Value;

use super::scan::Scan;
use super::{ExprError, Facts, Purpose};

/// The native form of a plain expression.
pub(super) struct Plain;

/// The native form, if the source is plain.
pub(super) fn parse(_scan: &Scan) -> Option<Plain> {
    None
}

impl Plain {
    pub(super) fn check_purpose(&self, _purpose: Purpose) -> Result<(), ExprError> {
        Ok(())
    }
    pub(super) fn test(&self, _facts: &Facts<'_>) -> Option<bool> {
        None
    }
    pub(super) fn text(&self, _facts: &Facts<'_>) -> Option<String> {
        None
    }
    pub(super) fn value(&self, _facts: &Facts<'_>) -> Option<Value> {
        None
    }
}

/// Whether two numbers are equal as the engine sees it.
pub(super) fn numbers_equal(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    a == b
}
