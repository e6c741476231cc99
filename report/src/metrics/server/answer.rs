//! Answers to requests of HTTP.

use std::fmt::Write as _;

/// The most bytes of a request's head.
const MOST_HEAD: usize = 8 << 10;

/// The content type of Prometheus' text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Returns the answer to the request `asked`, which calls `text` for the metrics if it asks for
/// them; `None` while the request is not whole.
pub fn answer(asked: &[u8], text: impl FnOnce() -> String) -> Option<Vec<u8>> {
    let ends = |end: &[u8]| asked.windows(end.len()).any(|bytes| bytes == end);
    let is_whole = ends(b"\r\n\r\n") || ends(b"\n\n");
    let request = match (asked.len() > MOST_HEAD, is_whole) {
        (false, false) => return None,
        (true, _) => None,
        (false, true) => first_line(asked),
    };
    let Some((method, path)) = request else {
        return Some(whole(
            "400 Bad Request",
            PLAIN,
            "this is no request\n",
            true,
        ));
    };
    let is_head = method == "HEAD";
    Some(match path {
        "/metrics" if is_head || method == "GET" => whole("200 OK", METRICS, &text(), !is_head),
        "/metrics" => whole(
            "405 Method Not Allowed\r\nAllow: GET, HEAD",
            PLAIN,
            "only GET and HEAD\n",
            true,
        ),
        _ => whole(
            "404 Not Found",
            PLAIN,
            "the metrics are at /metrics\n",
            !is_head,
        ),
    })
}

/// Returns method and path of a request, from its first line; `None` if that is not one of HTTP/1.
fn first_line(asked: &[u8]) -> Option<(&str, &str)> {
    let line = asked.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.strip_suffix('\r').unwrap_or(line).split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let is_http = version.starts_with("HTTP/1.") && words.next().is_none();
    let path = target.split('?').next()?;
    is_http.then_some((method, path))
}

fn whole(status: &str, content_type: &str, body: &str, sends_body: bool) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\n");
    // Writing to a string always succeeds.
    let _ = write!(
        text,
        "Content-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    if sends_body {
        text += body;
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(asked: &str) -> Option<String> {
        let answer = answer(asked.as_bytes(), || "sent 1\n".to_owned());
        answer.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn metrics_byte_by_byte() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
                    Content-Length: 7\r\nConnection: close\r\n\r\n";
        for asked in [
            "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n",
            "GET /metrics?format=text HTTP/1.0\r\n\r\n",
            "GET /metrics HTTP/1.1\n\n",
        ] {
            assert_eq!(answered(asked).unwrap(), format!("{head}sent 1\n"));
        }
        let asked = "HEAD /metrics HTTP/1.1\r\n\r\n";
        assert_eq!(answered(asked).unwrap(), head);
    }

    #[test]
    fn what_is_not_there_or_no_request_has_its_status() {
        for (asked, status) in [
            ("GET / HTTP/1.1\r\n\r\n", 404),
            ("GET /metricsandmore HTTP/1.1\r\n\r\n", 404),
            ("POST /metrics HTTP/1.1\r\n\r\n", 405),
            ("GET /metrics\r\n\r\n", 400),
            ("GET  /metrics HTTP/1.1\r\n\r\n", 400),
            ("PRI * HTTP/2.0\r\n\r\n", 400),
            ("\r\n\r\n", 400),
            ("\u{7f}\u{0}\u{1}\n\n", 400),
        ] {
            let answer = answered(asked).unwrap();
            let begin = format!("HTTP/1.1 {status} ");
            assert!(answer.starts_with(&begin), "{asked:?}: {answer}");
            assert!(answer.contains("\r\nConnection: close\r\n\r\n"), "{answer}");
        }
        let refused = answered("PUT /metrics HTTP/1.1\r\n\r\n").unwrap();
        assert!(refused.contains("\r\nAllow: GET, HEAD\r\n"), "{refused}");
    }

    #[test]
    fn a_request_is_waited_for_up_to_its_limit() {
        assert_eq!(answered(""), None);
        assert_eq!(answered("GET /metrics HTTP/1.1\r\nHost: here\r\n"), None);
        let long = "x".repeat(MOST_HEAD);
        assert_eq!(answered(&long), None);
        let answer = answered(&(long + "x")).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
}
