//! TEMPORARY
use super::SearchReport;
/// Returns the page.
#[must_use]
pub fn render(report: &SearchReport) -> String {
    super::render(report)
}
