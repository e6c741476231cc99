//! What the doctor found, mended after the user has agreed, and taken back.
//!
//! Promised: nothing is done that was not shown; a NIC is taken from the kernel only if the user
//! named it, and it is not one that the machine is managed by; what was done stands in
//! [`JOURNAL`], the last first to be undone. Below another root files are written and no command
//! is run.

use std::fmt;
use std::fs;
use std::io;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::checks::is_loaded;
use super::finding::{Check, Finding, Step, Verdict};
use crate::machine::root::Root;

/// Where it stands what was done: gone with the next start of the machine, as what was done is.
pub const JOURNAL: &str = "/run/dpdkgen-doctor.json";

/// What takes a step back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Undo {
    Write { path: String, text: String },
    Unload(String),
    Up(String),
}

/// A step that could not be taken.
#[derive(Debug)]
pub struct Stopped {
    /// The step, as its command.
    pub command: String,
    /// The system's reason.
    pub reason: String,
}

/// Returns the steps that mend what is wrong, without those that are left to the user; a NIC is
/// bound only if it `is_named`.
#[must_use]
pub fn plan(findings: &[Finding], is_named: bool) -> Vec<Step> {
    let wrong = findings
        .iter()
        .filter(|finding| finding.verdict <= Verdict::Warning)
        .filter(|finding| finding.check != Check::Binding || is_named);
    let mut steps: Vec<Step> = Vec::new();
    for step in wrong.flat_map(|finding| &finding.remedy) {
        if !matches!(step, Step::ByHand(_)) && !steps.contains(step) {
            steps.push(step.clone());
        }
    }
    steps
}

/// Takes the steps, each noted so that it can be undone. Returns what was done, a line each.
///
/// # Errors
///
/// If a step fails; those before it are done and noted.
pub fn mend(root: &Root, steps: &[Step]) -> Result<Vec<String>, Stopped> {
    let mut done = Vec::new();
    for step in steps {
        let stopped = |error: io::Error| Stopped {
            command: step.to_string(),
            reason: error.to_string(),
        };
        let undo = reverse(root, step);
        let is_done = match step {
            Step::Write { path, text } => {
                let written = fs::write(root.place(path), text);
                match written {
                    // The driver knows this kind of device already.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
                    written => written.map(|()| true).map_err(stopped)?,
                }
            }
            Step::Load(module) => command(root, "modprobe", &[module]).map_err(stopped)?,
            Step::Down(interface) => {
                command(root, "ip", &["link", "set", interface, "down"]).map_err(stopped)?
            }
            Step::ByHand(_) => false,
        };
        if let (true, Some(undo)) = (is_done, undo) {
            let mut journal = read(root);
            journal.push(undo);
            write(root, &journal).map_err(stopped)?;
        }
        done.push(told(step, is_done));
    }
    Ok(done)
}

/// Takes back what was done, the last first. Returns what was undone, a line each.
///
/// # Errors
///
/// If that cannot be done; what is left is still noted.
pub fn undo(root: &Root) -> Result<Vec<String>, Stopped> {
    let mut journal = read(root);
    let mut done = Vec::new();
    while let Some(undo) = journal.pop() {
        let stopped = |error: io::Error| Stopped {
            command: undo.to_string(),
            reason: error.to_string(),
        };
        let is_done = match &undo {
            Undo::Write { path, text } if is_kernels(path) => {
                fs::write(root.place(path), text).map(|()| true)
            }
            Undo::Write { .. } => Err(io::Error::other("it is no file of the kernel's")),
            Undo::Unload(module) => command(root, "modprobe", &["-r", module]),
            Undo::Up(interface) => command(root, "ip", &["link", "set", interface, "up"]),
        }
        .map_err(stopped)?;
        write(root, &journal).map_err(stopped)?;
        done.push(told(&undo, is_done));
    }
    if !root.has(JOURNAL) {
        return Ok(done);
    }
    fs::remove_file(root.place(JOURNAL)).map_err(|error| Stopped {
        command: format!("rm {JOURNAL}"),
        reason: error.to_string(),
    })?;
    Ok(done)
}

/// Returns what takes a step back, of the machine as it is before the step.
fn reverse(root: &Root, step: &Step) -> Option<Undo> {
    match step {
        Step::Write { path, text } => {
            let (folder, file) = path.rsplit_once('/')?;
            let (file, text) = match file {
                "bind" => ("unbind", text.clone()),
                "unbind" => ("bind", text.clone()),
                "new_id" => ("remove_id", text.clone()),
                file => (file, root.text(path)?),
            };
            let path = format!("{folder}/{file}");
            Some(Undo::Write { path, text })
        }
        Step::Load(module) => (!is_loaded(root, module)).then(|| Undo::Unload(module.clone())),
        Step::Down(interface) => Some(Undo::Up(interface.clone())),
        Step::ByHand(_) => None,
    }
}

/// Runs a command, on this machine only. Returns whether it was run.
fn command(root: &Root, program: &str, arguments: &[&str]) -> io::Result<bool> {
    if !root.is_own() {
        return Ok(false);
    }
    let output = Command::new(program).args(arguments).output()?;
    if output.status.success() {
        return Ok(true);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().next().unwrap_or("it failed");
    Err(io::Error::other(line.to_owned()))
}

fn told(command: &impl fmt::Display, is_done: bool) -> String {
    if is_done {
        command.to_string()
    } else {
        format!("{command} (not done)")
    }
}

/// Returns whether a file is one of those that steps write.
fn is_kernels(path: &str) -> bool {
    (path.starts_with("/sys/") || path.starts_with("/proc/sys/")) && !path.contains("/../")
}

fn read(root: &Root) -> Vec<Undo> {
    let text = root.text(JOURNAL).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn write(root: &Root, journal: &[Undo]) -> io::Result<()> {
    let place = root.place(JOURNAL);
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(place, serde_json::json!(journal).to_string())
}

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { path, text } => write!(f, "echo {text} > {path}"),
            Self::Unload(module) => write!(f, "modprobe -r {module}"),
            Self::Up(interface) => write!(f, "ip link set {interface} up"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::root::tests::machine;

    const PAGES: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

    #[test]
    fn a_nic_is_bound_only_if_it_was_named_and_nothing_is_done_by_hand() {
        let bind = Step::write("/sys/bus/vmbus/drivers/uio_hv_generic/bind", "uuid");
        let load = Step::Load("mlx5_ib".to_owned());
        let found = [
            Finding::new(Check::Binding, Verdict::Failure, "").mended_by([bind.clone()]),
            Finding::new(Check::Verbs, Verdict::Failure, "").mended_by([
                Step::by_hand("apt-get install x"),
                load.clone(),
                load.clone(),
            ]),
            Finding::new(Check::Clock, Verdict::Ok, "").mended_by([Step::Down("eth9".to_owned())]),
        ];
        assert_eq!(plan(&found, false), std::slice::from_ref(&load));
        assert_eq!(plan(&found, true), [bind, load]);
    }

    #[test]
    fn what_was_done_is_taken_back_in_the_other_order() {
        let drivers = "/sys/bus/vmbus/drivers";
        let (_folder, root) = machine(&[(PAGES, "7"), (&format!("{drivers}/a/bind"), "")]);
        let steps = [
            Step::write(PAGES, "1024"),
            Step::write(PAGES, "2048"),
            Step::write(format!("{drivers}/a/bind"), "uuid"),
        ];
        assert_eq!(mend(&root, &steps).unwrap().len(), 3);
        assert_eq!(root.text(PAGES).unwrap(), "2048");
        let undone = undo(&root).unwrap();
        let last = format!("echo 7 > {PAGES}");
        assert_eq!(undone[0], format!("echo uuid > {drivers}/a/unbind"));
        assert_eq!(undone[2], last);
        assert_eq!(root.text(PAGES).unwrap(), "7");
        assert!(!root.has(JOURNAL));
        assert_eq!(undo(&root).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_step_that_fails_stops_and_those_before_it_can_be_undone() {
        let (_folder, root) = machine(&[(PAGES, "0")]);
        let steps = [
            Step::write(PAGES, "1024"),
            Step::write("/sys/nowhere/bind", "uuid"),
            Step::write(PAGES, "9"),
        ];
        let stopped = mend(&root, &steps).unwrap_err();
        assert_eq!(stopped.command, "echo uuid > /sys/nowhere/bind");
        assert_eq!(root.text(PAGES).unwrap(), "1024");
        assert_eq!(undo(&root).unwrap(), [format!("echo 0 > {PAGES}")]);
    }

    #[test]
    fn a_journal_that_somebody_else_wrote_changes_no_other_file() {
        let entry = r#"[{"write":{"path":"/etc/passwd","text":"x"}}]"#;
        let (_folder, root) = machine(&[(JOURNAL, entry), ("/etc/passwd", "root")]);
        assert!(undo(&root).is_err());
        assert_eq!(root.text("/etc/passwd").unwrap(), "root");
        assert!(!is_kernels("/sys/../etc/passwd"));
    }
}
