//! Requests at the level of the wire: clients encode and frame in ways that a library would correct.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stack::Stack;

/// How a body is sent: `chunked`, or after `Expect: 100-continue`.
const CHUNKED: (&str, &str) = ("transfer-encoding", "chunked");

/// A request without a body: status and body of the response.
pub(super) async fn send(
    stack: &Stack,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Result<(u16, String)> {
    exchange(stack, method, target, headers, b"").await
}

/// A POST to SparkPost's webhook with its key.
pub(super) async fn post(
    stack: &Stack,
    target: &str,
    body: &[u8],
    more: &[(&str, &str)],
) -> Result<(u16, String)> {
    let mut headers = vec![
        ("authorization", stack.file.keys.sparkpost.as_str()),
        ("user-agent", "SparkPost"),
    ];
    if !more
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        headers.push(("content-type", "application/json"));
    }
    headers.extend(more);
    exchange(stack, "POST", target, &headers, body).await
}

pub(super) async fn exchange(
    stack: &Stack,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<(u16, String)> {
    let authority = stack
        .file
        .base_url
        .strip_prefix("http://")
        .context("the stack speaks HTTP")?;
    let mut connection = TcpStream::connect(authority).await?;
    let mut head =
        format!("{method} {target} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n");
    for (name, value) in headers {
        let _infallible = write!(head, "{name}: {value}\r\n");
    }
    let is_chunked = headers.contains(&CHUNKED);
    if !is_chunked && (!body.is_empty() || method == "POST") {
        let _infallible = write!(head, "content-length: {}\r\n", body.len());
    }
    head.push_str("\r\n");
    connection.write_all(head.as_bytes()).await?;
    let mut answer = Vec::new();
    if is_chunked {
        // A client that expects it waits for "100 Continue" before the body.
        if headers.iter().any(|(name, _)| *name == "expect") {
            while !answer.ends_with(b"\r\n\r\n") {
                answer.push(connection.read_u8().await?);
            }
            if !answer.starts_with(b"HTTP/1.1 100") {
                return read_answer(connection, answer).await;
            }
            answer.clear();
        }
        for piece in body.chunks(200) {
            connection
                .write_all(format!("{:x}\r\n", piece.len()).as_bytes())
                .await?;
            connection.write_all(piece).await?;
            connection.write_all(b"\r\n").await?;
            connection.flush().await?;
        }
        connection.write_all(b"0\r\n\r\n").await?;
    } else {
        connection.write_all(body).await?;
    }
    read_answer(connection, answer).await
}

/// Reads to the end of the connection; chunks are joined.
async fn read_answer(mut connection: TcpStream, mut answer: Vec<u8>) -> Result<(u16, String)> {
    connection.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).context("a status line")?;
    let status = status
        .parse()
        .with_context(|| format!("the status {status}"))?;
    let is_chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    Ok((
        status,
        if is_chunked {
            unchunked(body)
        } else {
            body.to_owned()
        },
    ))
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let Some(piece) = rest.get(..size).filter(|piece| !piece.is_empty()) else {
            break;
        };
        whole.push_str(piece);
        body = rest.get(size + 2..).unwrap_or_default();
    }
    whole
}
