//! Everything that is wrong or doubtful in a flow, found at once.

use crate::model::Flow;

use super::problem::Problem;

/// All problems of a flow, errors first, then in the order of the file.
pub fn check(_flow: &Flow) -> Vec<Problem> {
    Vec::new()
}
