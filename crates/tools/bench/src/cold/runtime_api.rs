//! A stand-in for Lambda's Runtime API, for one event.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Time limit for a call of the function.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The deadline of the event that the function gets.
const DEADLINE: Duration = Duration::from_mins(1);

pub(super) struct RuntimeApi(TcpListener);

/// A function that waits for its first event.
pub(super) struct Waiting(TcpStream);

impl RuntimeApi {
    pub(super) fn listen() -> Result<Self> {
        TcpListener::bind("127.0.0.1:0")
            .map(Self)
            .context("opening a port")
    }

    pub(super) fn address(&self) -> String {
        self.0
            .local_addr()
            .map_or_else(|_| String::new(), |address| address.to_string())
    }

    /// Waits until the function requests an event, which ends its start.
    pub(super) fn wait_for_next(&self) -> Result<Waiting> {
        let (stream, _) = self.0.accept().context("waiting for the function")?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let (path, stream) = read_request(stream)?;
        if !path.ends_with("/invocation/next") {
            bail!("the function requested {path} first");
        }
        Ok(Waiting(stream))
    }

    /// Waits until the function has responded.
    pub(super) fn wait_for_response(&self) -> Result<()> {
        let (stream, _) = self.0.accept().context("waiting for the response")?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let (path, mut stream) = read_request(stream)?;
        if !path.ends_with("/response") {
            bail!("the function failed: it called {path}");
        }
        stream.write_all(
            b"HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        )?;
        Ok(())
    }
}

impl Waiting {
    /// Sends the event.
    pub(super) fn give(mut self, event: &Value) -> Result<()> {
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + DEADLINE;
        let body = event.to_string();
        // One connection per call, so there is no state to keep.
        let head = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\n\
             lambda-runtime-aws-request-id: 00000000-0000-0000-0000-000000000000\r\n\
             lambda-runtime-deadline-ms: {}\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:cold\r\n\
             content-length: {}\r\n\r\n",
            deadline.as_millis(),
            body.len(),
        );
        self.0.write_all((head + &body).as_bytes())?;
        Ok(())
    }
}

/// Reads a complete request; returns its path and the connection.
fn read_request(stream: TcpStream) -> Result<(String, TcpStream)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    let mut is_chunked = false;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        is_chunked |= header.starts_with("transfer-encoding:") && header.contains("chunked");
    }
    if is_chunked {
        read_chunks(&mut reader)?;
    } else {
        reader.by_ref().take(length).read_to_end(&mut Vec::new())?;
    }
    Ok((path, reader.into_inner()))
}

fn read_chunks(reader: &mut BufReader<TcpStream>) -> Result<()> {
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim(), 16).context("reading a chunk's size")?;
        // Each chunk ends with a line break, which the size does not count.
        reader
            .by_ref()
            .take(size + 2)
            .read_to_end(&mut Vec::new())?;
        if size == 0 {
            return Ok(());
        }
    }
}
