//! What control groups leave to this process of the machine's hugepages (the kernel's
//! `Documentation/admin-guide/cgroup-v2.rst`, HugeTLB; `cgroup-v1/hugetlb.rst`).

use super::root::Root;

const MOUNT: &str = "/sys/fs/cgroup";

/// A limit on the hugepages of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HugepageLimit {
    /// The most bytes of hugepages of one size that it may have.
    pub bytes: u64,
    /// The file that says so.
    pub file: String,
}

/// Finds the lowest limit on hugepages among the groups that this process is in; none if there is
/// none.
#[must_use]
pub fn hugepage_limit(root: &Root) -> Option<HugepageLimit> {
    let groups = root.text("/proc/self/cgroup")?;
    let limits = groups.lines().flat_map(|line| limits(root, line));
    limits.min_by_key(|limit| limit.bytes)
}

/// Returns the limits of the group of a line of /proc/self/cgroup, and of those above it.
fn limits(root: &Root, line: &str) -> Vec<HugepageLimit> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
        return Vec::new();
    };
    let (mount, ending) = match controllers {
        "" => (MOUNT.to_owned(), ".max"),
        named if named.split(',').any(|name| name == "hugetlb") => {
            (format!("{MOUNT}/{named}"), ".limit_in_bytes")
        }
        _ => return Vec::new(),
    };
    let mut limits = Vec::new();
    let mut path = path.trim_end_matches('/');
    loop {
        let folder = format!("{mount}{path}");
        for name in root.names(&folder) {
            // Not `hugetlb.2MB.rsvd.max`, which is of what is reserved.
            let size = name
                .strip_prefix("hugetlb.")
                .and_then(|rest| rest.strip_suffix(ending));
            if size.is_some_and(|size| !size.contains('.')) {
                let file = format!("{folder}/{name}");
                // `max`, and as much as the kernel can count, mean that there is none.
                let bytes = root.number(&file).filter(|&bytes| bytes < 1 << 62);
                limits.extend(bytes.map(|bytes| HugepageLimit { bytes, file }));
            }
        }
        match path.rsplit_once('/') {
            Some((above, _)) => path = above,
            None => return limits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::root::tests::machine;

    #[test]
    fn the_lowest_limit_of_all_groups_above_holds() {
        let (_folder, root) = machine(&[
            ("/proc/self/cgroup", "0::/machine/box\n"),
            ("/sys/fs/cgroup/machine/box/hugetlb.2MB.max", "max\n"),
            ("/sys/fs/cgroup/machine/box/hugetlb.2MB.rsvd.max", "1\n"),
            ("/sys/fs/cgroup/machine/hugetlb.2MB.max", "536870912\n"),
            ("/sys/fs/cgroup/machine/hugetlb.1GB.max", "1073741824\n"),
        ]);
        let limit = hugepage_limit(&root).unwrap();
        assert_eq!(limit.bytes, 512 << 20);
        assert_eq!(limit.file, "/sys/fs/cgroup/machine/hugetlb.2MB.max");
    }

    #[test]
    fn the_first_version_has_a_tree_a_controller() {
        let (_folder, root) = machine(&[
            ("/proc/self/cgroup", "9:memory:/a\n4:hugetlb:/a\n0::/\n"),
            (
                "/sys/fs/cgroup/hugetlb/a/hugetlb.2MB.limit_in_bytes",
                "4194304",
            ),
            (
                "/sys/fs/cgroup/hugetlb/hugetlb.2MB.limit_in_bytes",
                "9223372036854771712",
            ),
        ]);
        assert_eq!(
            hugepage_limit(&root).map(|limit| limit.bytes),
            Some(4 << 20)
        );
    }

    #[test]
    fn no_group_and_no_limit_is_none() {
        let (_folder, root) = machine(&[]);
        assert_eq!(hugepage_limit(&root), None);
        let (_folder, root) = machine(&[
            ("/proc/self/cgroup", "0::/\n"),
            ("/sys/fs/cgroup/cgroup.controllers", "cpu"),
        ]);
        assert_eq!(hugepage_limit(&root), None);
    }
}
