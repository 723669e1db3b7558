//! Requests at the level of the wire, which no client library would send.

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stack::Stack;

/// An answer, as it was read.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

/// Writes a request line, headers and a body, and reads the response.
pub(super) async fn send(stack: &Stack, line: &str, headers: &str, body: &str) -> Result<Answer> {
    let authority = stack.file.base_url.trim_start_matches("http://");
    let mut connection = TcpStream::connect(authority).await?;
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {authority}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).context("a status line")?;
    let status = status.parse().with_context(|| format!("{line}: {text}"))?;
    Ok(Answer { status, text })
}
