//! A diagnosis, for people and for programs.

use std::fmt::Write;

use serde::Serialize;

use super::finding::{Finding, Step, Verdict};
use crate::machine::Nic;

/// All that was found, the gravest first.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    /// The gravest verdict.
    pub verdict: Verdict,
    /// Azure's NICs.
    pub nics: Vec<Nic>,
    /// The findings.
    pub findings: Vec<Finding>,
    /// What `--fix` would do, as commands.
    pub fix: Vec<Step>,
}

impl Diagnosis {
    /// Returns whether a check fails.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.verdict == Verdict::Failure
    }

    /// Writes it as text: the findings, then the NICs, then how many there are of each verdict.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            write_finding(&mut text, finding);
        }
        for nic in &self.nics {
            write_nic(&mut text, nic);
        }
        let count = |verdict| {
            let findings = self.findings.iter();
            findings
                .filter(|finding| finding.verdict == verdict)
                .count()
        };
        let (failures, warnings) = (count(Verdict::Failure), count(Verdict::Warning));
        let plural = |count| if count == 1 { "" } else { "s" };
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{failures} failure{}, {warnings} warning{}, {} in order",
            plural(failures),
            plural(warnings),
            count(Verdict::Ok) + count(Verdict::Note)
        );
        text
    }
}

fn write_finding(text: &mut String, finding: &Finding) {
    let Finding {
        check,
        verdict,
        evidence,
        consequence,
        remedy,
    } = finding;
    let mark = match verdict {
        Verdict::Failure => "FAIL",
        Verdict::Warning => "warn",
        Verdict::Note => "note",
        Verdict::Ok => "ok",
        Verdict::NotApplicable => "n/a",
    };
    let _ = writeln!(text, "{mark:<4}  {:<14}  {evidence}", check.name());
    if let Some(consequence) = consequence {
        let _ = writeln!(text, "{:22}so: {consequence}", "");
    }
    for step in remedy {
        let _ = writeln!(text, "{:22}do: {step}", "");
    }
}

fn write_nic(text: &mut String, nic: &Nic) {
    let mac = nic
        .mac
        .map_or_else(|| "MAC unknown".to_owned(), |mac| mac.to_string());
    let driver = nic.driver.as_deref().unwrap_or("no driver");
    let vf = nic.vf.as_ref().map_or_else(
        || "no VF".to_owned(),
        |vf| {
            let driver = vf.driver.as_deref().unwrap_or("no driver");
            format!("VF {} ({}, {driver})", vf.address, vf.interface)
        },
    );
    let carries: Vec<&str> = nic.carries.iter().map(|carried| carried.words()).collect();
    let carries = if carries.is_empty() {
        String::new()
    } else {
        format!(", carries {}: never take it", carries.join(" and "))
    };
    let interface = nic.interface.as_deref().unwrap_or("-");
    let _ = writeln!(
        text,
        "nic   {interface:<14}  {mac} {} {driver}, {vf}{carries}",
        nic.uuid
    );
}

#[cfg(test)]
mod tests {
    use super::super::finding::Check;
    use super::*;

    #[test]
    fn a_finding_is_told_with_what_follows_and_what_mends_it() {
        let finding = Finding::new(Check::Hugepages, Verdict::Failure, "0 free")
            .so("nothing starts")
            .mended_by([Step::write("/x", "1")]);
        let diagnosis = Diagnosis {
            verdict: Verdict::Failure,
            nics: Vec::new(),
            findings: vec![finding],
            fix: Vec::new(),
        };
        assert!(diagnosis.fails());
        let text = "FAIL  hugepages       0 free\n                      so: nothing starts\n\
                    \u{20}                     do: echo 1 > /x\n1 failure, 0 warnings, 0 in order\n";
        assert_eq!(diagnosis.to_text(), text);
        let json = serde_json::json!(diagnosis);
        assert_eq!(json["findings"][0]["remedy"][0], "echo 1 > /x");
        assert_eq!(json["verdict"], "failure");
    }
}
