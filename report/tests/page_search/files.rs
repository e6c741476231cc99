//! The page of a search, drawn from the file that it left.

use std::fs;

use dpdkgen_report::output::Target;
use dpdkgen_report::page::file::{DrawError, Files, draw};

use crate::looks::check_structure;
use crate::searches::searched;

/// The file of a search, and the place of its page.
struct Left {
    dir: tempfile::TempDir,
    files: Files,
}

impl Left {
    fn new(json: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("search.json"), json).unwrap();
        let files = Files {
            csv: path("search.json"),
            json: None,
            peer: None,
            page: Target::File(path("search.html")),
        };
        Self { dir, files }
    }

    fn page(&self) -> Option<String> {
        fs::read_to_string(self.dir.path().join("search.html")).ok()
    }

    fn refused(&self, files: &Files) -> String {
        let error = draw(files).expect_err("it is refused");
        assert!(matches!(error, DrawError::Request(_)), "{error}");
        error.to_string()
    }
}

#[test]
fn the_json_of_a_search_makes_its_page() {
    let json = searched().to_json().unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    // Indented, in a line, and after a byte order mark.
    for json in [json.clone(), value.to_string(), format!("\u{feff}{json}")] {
        let left = Left::new(&json);
        let bytes = draw(&left.files).unwrap();
        let page = left.page().unwrap();
        assert_eq!(page.len(), bytes);
        check_structure(&page);
        assert!(
            page.contains("<title>dpdkgen search: search.json</title>"),
            "{page}"
        );
        assert!(page.contains("from 9 trials in search.json.</p>"));
        // It takes the place of one like it, and of none that shows more.
        let _ = draw(&left.files).unwrap();
        let mut less = searched();
        less.trials.clear();
        fs::write(&left.files.csv, less.to_json().unwrap()).unwrap();
        let refused = left.refused(&left.files);
        let lost = "loss and latency over load, latency at shares of the lower bound and trials";
        assert!(refused.contains(lost), "{refused}");
        assert_eq!(left.page().unwrap(), page);
    }
}

#[test]
fn what_is_no_search_is_refused() {
    let json = searched().to_json().unwrap();
    for (json, why) in [
        (
            json[..json.len() - 9].to_owned(),
            "is not the JSON of a search: EOF while parsing",
        ),
        (
            json.replace("\"results\"", "\"founds\""),
            "is not the JSON of a search: missing field",
        ),
        (
            json.replace("\"schema\": 1", "\"schema\": 7"),
            "is not the JSON of a search: its schema is 7 and 1 is known",
        ),
        (
            json.replace("\"search\"", "\"sendrecv\""),
            "is not the CSV of a run: line 1",
        ),
        ("{}\n".to_owned(), "is not the CSV of a run: line 1"),
    ] {
        let left = Left::new(&json);
        let refused = left.refused(&left.files);
        assert!(refused.contains(why), "{refused}");
        assert!(!refused.contains('\n'), "{refused}");
        assert_eq!(left.page(), None);
    }
    let left = Left::new(&json);
    let with_json = Files {
        json: Some(left.files.csv.clone()),
        ..left.files.clone()
    };
    let refused = left.refused(&with_json);
    assert!(
        refused.contains("which is drawn by itself: leave --json and --peer out"),
        "{refused}"
    );
}
