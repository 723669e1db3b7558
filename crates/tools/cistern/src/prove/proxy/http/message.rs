//! Requests and responses as bytes, with as much understanding as a proxy needs.

use std::io;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The largest head of a request.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Larger than every body in this system: a merged file of the lake.
const MAX_BODY_BYTES: usize = 1 << 30;

/// A whole request, ready to be passed on: it asks the server to close the connection after the response.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// With the query.
    pub(super) path: String,
    headers: Vec<(String, String)>,
    pub(super) bytes: Vec<u8>,
    body_at: usize,
}

impl Request {
    /// A header's first value, by its name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find_map(|(found, value)| (found == name).then_some(value.as_str()))
    }

    pub(super) fn body(&self) -> &[u8] {
        self.bytes.get(self.body_at..).unwrap_or_default()
    }

    /// The service in the scope of the signature: `…Credential=KEY/DATE/REGION/SERVICE/aws4_request…`.
    pub(super) fn service(&self) -> Option<&str> {
        let (_, credential) = self.header("authorization")?.split_once("Credential=")?;
        credential.split('/').nth(3)
    }

    /// The same request with another body and an authorization of the emulator's root user, whose signature it does not check.
    pub(super) fn with_body(&self, body: &str, root_key: &str) -> Vec<u8> {
        let scope = self.header("authorization").and_then(|value| {
            let (_, credential) = value.split_once("Credential=")?;
            let scope: Vec<&str> = credential
                .split([',', ' '])
                .next()?
                .split('/')
                .skip(1)
                .collect();
            Some(scope.join("/"))
        });
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={root_key}/{}, SignedHeaders=host, Signature=0",
            scope.unwrap_or_default()
        );
        let mut headers: Vec<(String, String)> = self
            .headers
            .iter()
            .filter(|(name, _)| {
                !["authorization", "content-length", "x-amz-security-token"]
                    .contains(&name.as_str())
            })
            .cloned()
            .collect();
        headers.push(("authorization".to_owned(), authorization));
        headers.push(("content-length".to_owned(), body.len().to_string()));
        let mut bytes = head(&self.method, &self.path, &headers);
        bytes.extend(body.as_bytes());
        bytes
    }
}

/// Reads a request; `None` at the end of the connection, or if it is not a request that this proxy understands.
pub(super) async fn read_request(client: &mut TcpStream) -> io::Result<Option<Request>> {
    let mut buffer = Vec::new();
    let head_end = loop {
        if let Some(end) = find(&buffer, b"\r\n\r\n") {
            break end + 4;
        }
        if buffer.len() > MAX_HEAD_BYTES || client.read_buf(&mut buffer).await? == 0 {
            return Ok(None);
        }
    };
    let body_start = buffer.split_off(head_end);
    let Some((method, path, headers)) = parse_head(&buffer) else {
        return Ok(None);
    };
    if headers.iter().any(|(name, _)| name == "expect") {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let header = |wanted: &str| {
        headers
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    // None of the callers sends a body of unknown length.
    if header("transfer-encoding").is_some() {
        client
            .write_all(&response(411, "this proxy needs a Content-Length"))
            .await?;
        return Ok(None);
    }
    let length: usize = header("content-length")
        .and_then(|value| value.parse().ok())
        .unwrap_or(0);
    if length > MAX_BODY_BYTES {
        client.write_all(&response(413, "too large")).await?;
        return Ok(None);
    }
    let mut bytes = head(&method, &path, &headers);
    let body_at = bytes.len();
    bytes.extend(&body_start);
    let missing = length.saturating_sub(body_start.len());
    let mut rest = client.take(u64::try_from(missing).unwrap_or(u64::MAX));
    rest.read_to_end(&mut bytes).await?;
    if bytes.len() < body_at + length {
        return Ok(None);
    }
    Ok(Some(Request {
        method,
        path,
        headers,
        bytes,
        body_at,
    }))
}

type Head = (String, String, Vec<(String, String)>);

/// Method, path and headers, their names in lower case.
fn parse_head(bytes: &[u8]) -> Option<Head> {
    let text = str::from_utf8(bytes).ok()?;
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some((method, path, headers))
}

/// A request's head. Headers about the connection to this proxy are not passed on; signatures do not cover them.
fn head(method: &str, path: &str, headers: &[(String, String)]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    for (name, value) in headers {
        if !["connection", "expect", "keep-alive"].contains(&name.as_str()) {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        }
    }
    text.push_str("connection: close\r\n\r\n");
    text.into_bytes()
}

/// A whole response.
pub(super) fn response(status: u16, body: &str) -> Vec<u8> {
    let kind = if body.starts_with('<') {
        "application/xml"
    } else {
        "application/json"
    };
    format!(
        "HTTP/1.1 {status} Simulated\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The response with the header that ends the connection, after the status line.
pub(super) fn close_after(answer: &[u8]) -> Vec<u8> {
    let Some(end) = find(answer, b"\r\n") else {
        return answer.to_vec();
    };
    let (status, rest) = answer.split_at(end);
    [status, b"\r\nconnection: close", rest].concat()
}

/// The body of a response.
pub(super) fn body_of(answer: &[u8]) -> Vec<u8> {
    let Some(end) = find(answer, b"\r\n\r\n") else {
        return Vec::new();
    };
    let (head, body) = answer.split_at(end + 4);
    let is_chunked = String::from_utf8_lossy(head)
        .to_ascii_lowercase()
        .contains("\r\ntransfer-encoding: chunked");
    if is_chunked {
        dechunked(body)
    } else {
        body.to_vec()
    }
}

/// The content of chunks (<https://www.rfc-editor.org/rfc/rfc9112#section-7.1>).
fn dechunked(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = find(rest, b"\r\n") {
        let (size, after) = rest.split_at(end);
        let size = str::from_utf8(size).unwrap_or_default();
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16);
        let (Ok(size @ 1..), Some(chunk)) = (size, after.get(2..)) else {
            break;
        };
        whole.extend(chunk.get(..size).unwrap_or(chunk));
        rest = chunk.get(size + 2..).unwrap_or_default();
    }
    whole
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_and_written_without_what_is_about_the_connection() {
        let (method, path, headers) = parse_head(
            b"PUT /b/raw/k?x-id=PutObject HTTP/1.1\r\nHost: h:1\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nX-A:  b\r\n\r\n",
        )
        .unwrap();

        assert_eq!(
            (method.as_str(), path.as_str()),
            ("PUT", "/b/raw/k?x-id=PutObject")
        );
        assert_eq!(
            String::from_utf8(head(&method, &path, &headers)).unwrap(),
            "PUT /b/raw/k?x-id=PutObject HTTP/1.1\r\nhost: h:1\r\nx-a: b\r\nconnection: close\r\n\r\n"
        );
    }

    #[test]
    fn bodies_are_found_in_chunks_and_without() {
        let plain = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab";
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n";

        assert_eq!(body_of(plain), b"ab");
        assert_eq!(body_of(chunked), b"abcd");
        assert_eq!(body_of(b"nonsense"), b"");
        assert!(close_after(plain).starts_with(b"HTTP/1.1 200 OK\r\nconnection: close\r\n"));
    }

    #[test]
    fn a_changed_body_is_signed_by_the_root_in_the_same_scope() {
        let headers = vec![
            (
                "authorization".to_owned(),
                "AWS4-HMAC-SHA256 Credential=ASIA/20260101/us-east-1/firehose/aws4_request, SignedHeaders=host, Signature=1".to_owned(),
            ),
            ("content-length".to_owned(), "9".to_owned()),
            ("x-amz-target".to_owned(), "Firehose.PutRecordBatch".to_owned()),
        ];
        let request = Request {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            headers,
            bytes: Vec::new(),
            body_at: 0,
        };

        assert_eq!(request.service(), Some("firehose"));
        let changed = String::from_utf8(request.with_body("{}", "local")).unwrap();
        assert!(
            changed.contains("Credential=local/20260101/us-east-1/firehose/aws4_request, "),
            "{changed}"
        );
        assert!(
            changed.contains("content-length: 2\r\n") && changed.ends_with("\r\n\r\n{}"),
            "{changed}"
        );
    }
}
