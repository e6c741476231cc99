use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use super::*;

/// Returns a server that serves `text`, and its address.
fn serving(text: &str) -> (Server, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = Arc::new(Mutex::new(text.to_owned()));
    (Server::start(listener, told).unwrap(), address)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    let limit = Some(2 * LIMIT);
    stream.set_read_timeout(limit).unwrap();
    stream
}

fn ask(mut stream: TcpStream) -> io::Result<String> {
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Returns whether the server ends the connection within `limit`.
fn is_ended_within(mut stream: TcpStream, limit: Duration) -> bool {
    stream.set_read_timeout(Some(limit)).unwrap();
    match stream.read(&mut [0]) {
        Ok(len) => len == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn an_answer_longer_than_any_buffer_arrives_whole() {
    let text = "0123456789abcdef".repeat(1 << 20);
    let (server, address) = serving(&text);
    let answer = ask(connect(address)).unwrap();
    assert!(answer.ends_with(&format!("\r\n\r\n{text}")));
    assert!(server.finish().is_none());
}

#[test]
fn who_says_nothing_keeps_nobody_out() {
    let (server, address) = serving("sent 1\n");
    let idle: Vec<_> = (0..5 * MOST_CONNECTIONS)
        .map(|_| connect(address))
        .collect();
    let begin = Instant::now();
    for _ in 0..MOST_CONNECTIONS {
        let answer = ask(connect(address)).unwrap();
        assert!(answer.ends_with("sent 1\n"), "{answer}");
    }
    assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
    drop(idle);
    assert!(server.finish().is_none());
}

#[test]
fn who_does_not_ask_or_read_is_sent_away() {
    let (server, address) = serving(&"x".repeat(64 << 20));
    let idle = connect(address);
    let mut slow = connect(address);
    slow.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    let mut deaf = connect(address);
    deaf.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    let begin = Instant::now();
    assert!(is_ended_within(idle, 2 * LIMIT));
    assert!(is_ended_within(slow, 2 * LIMIT));
    assert!(begin.elapsed() >= LIMIT / 2, "{:?}", begin.elapsed());
    // What had been sent by then is still there to be read.
    thread::sleep((LIMIT + LIMIT / 2).saturating_sub(begin.elapsed()));
    let mut answer = Vec::new();
    let _ = deaf.read_to_end(&mut answer);
    assert!(answer.len() < 64 << 20);
    assert!(server.finish().is_none());
}

#[test]
fn a_client_that_still_sends_gets_its_answer() {
    let (server, address) = serving("sent 1\n");
    let mut client = connect(address);
    let long = "y".repeat(1 << 20);
    let _ = write!(
        client,
        "POST /metrics HTTP/1.1\r\nContent-Length: {}\r\n\r\n{long}",
        long.len()
    );
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert!(server.finish().is_none());
}

#[test]
fn a_listener_that_takes_nobody_is_told_when_that_lasts_and_at_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = OwnedFd::from(listener.try_clone().unwrap());
    // Accepting fails from now on, as it does without descriptors.
    TcpStream::from(socket).shutdown(Shutdown::Both).unwrap();
    let server = Server::start(listener, Arc::default()).unwrap();
    let begin = Instant::now();
    let cause = loop {
        match server.trouble() {
            Some(cause) => break cause,
            None => assert!(begin.elapsed() < 10 * LIMIT),
        }
        thread::sleep(PAUSE);
    };
    assert!(
        begin.elapsed() >= LIMIT && cause.contains("Invalid argument"),
        "{cause}"
    );
    assert!(!server.thread.is_finished());
    assert_eq!(server.finish().unwrap().kind(), ErrorKind::InvalidInput);
}
