use tokio::net::TcpListener;

use super::*;

type Chunks = Arc<std::sync::Mutex<Vec<Vec<u8>>>>;

/// A server that answers each chunk; the chunks that it got, and whether a connection has ended.
async fn server() -> (String, Chunks, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (chunks, ended) = (Chunks::default(), Arc::<AtomicBool>::default());
    let (seen, has_ended) = (Arc::clone(&chunks), Arc::clone(&ended));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (seen, has_ended) = (Arc::clone(&seen), Arc::clone(&has_ended));
            tokio::spawn(async move {
                let mut buffer = vec![0; 1024];
                while let Ok(length @ 1..) = client.read(&mut buffer).await {
                    seen.lock().unwrap().push(buffer[..length].to_vec());
                    client.write_all(b"done").await.unwrap_or_default();
                }
                has_ended.store(true, Ordering::SeqCst);
            });
        }
    });
    (address, chunks, ended)
}

const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
const COPY: &[u8] = b"Q\0\0\0\x10copy t from x\0";

/// What a client gets for each message, and what the server got.
async fn exchange(
    site: Site,
    fault: Fault,
    messages: &[&[u8]],
) -> (Vec<Option<Vec<u8>>>, Vec<Vec<u8>>) {
    let (address, chunks, ended) = server().await;
    let faults = Arc::new(Faults::default());
    faults.arm(site, Strike::Fault(fault));
    let proxy = PostgresProxy::start(address, faults, Arc::new(Callers::of(None)))
        .await
        .unwrap();
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .unwrap();
    let mut answers = Vec::new();
    for message in messages {
        let answer = async {
            client.write_all(message).await.ok()?;
            let mut buffer = vec![0; 64];
            let length = client
                .read(&mut buffer)
                .await
                .ok()
                .filter(|length| *length > 0)?;
            Some(buffer[..length].to_vec())
        };
        answers.push(answer.await);
    }
    // The server reads what was passed on just before a connection ended a moment later.
    drop(client);
    let connection_ended = async {
        while !ended.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    };
    if fault != Fault::Refuse {
        timeout(LIMIT, connection_ended).await.unwrap();
    }
    let chunks = chunks.lock().unwrap().clone();
    (answers, chunks)
}

#[tokio::test]
async fn a_lost_commit_takes_effect_and_an_interrupted_one_does_not() {
    let (answers, chunks) = exchange(
        Site::Commit,
        Fault::LoseResponse,
        &[b"Q\0\0\0\x06x\0", COMMIT],
    )
    .await;
    assert_eq!(answers, [Some(b"done".to_vec()), None]);
    assert_eq!(chunks.last().unwrap(), COMMIT);

    let (answers, chunks) = exchange(
        Site::Commit,
        Fault::CutRequest,
        &[b"Q\0\0\0\x06x\0", COMMIT],
    )
    .await;
    assert_eq!(answers, [Some(b"done".to_vec()), None]);
    assert!(!chunks.contains(&COMMIT.to_vec()));
}

#[tokio::test]
async fn copied_rows_are_interrupted_in_the_middle() {
    let (answers, chunks) = exchange(Site::Copy, Fault::CutRequest, &[COPY, b"dROWSROWS"]).await;

    assert_eq!(answers, [Some(b"done".to_vec()), None]);
    assert_eq!(chunks, [COPY.to_vec(), b"dROW".to_vec()]);
}

#[tokio::test]
async fn refused_connections_end_at_once() {
    let (answers, chunks) = exchange(Site::Connect, Fault::Refuse, &[b"startup"]).await;

    assert_eq!((answers, chunks), (vec![None], vec![]));
}

#[test]
fn only_statements_are_recognised() {
    assert_eq!(site_of(COMMIT), Some(Site::Commit));
    assert_eq!(site_of(COPY), Some(Site::Copy));
    assert_eq!(site_of(b"dCOMMIT"), None);
    assert_eq!(site_of(b"Q"), None);
}
