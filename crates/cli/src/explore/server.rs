//! Connections: from this machine alone, a bounded number of them, none for ever.

use anyhow::{Context, Result};
use axum::Router;
use convnet_report::Progress;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::io::Stderr;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

/// Connections at once; more wait until one ends.
const CONNECTIONS: u32 = 256;
/// A client that says nothing for so long is hung up on.
const SILENCE: Duration = Duration::from_secs(30);
/// No connection lives longer, whatever it does: a browser opens another.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// At the end, answers that are under way get so long.
const FAREWELL: Duration = Duration::from_secs(2);

/// A listener on the loopback interface; port 0 takes a free one.
///
/// # Errors
/// When the port is taken.
pub(super) async fn listen(port: u16) -> Result<(TcpListener, u16)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener = listener.with_context(|| {
        format!("port {port} of 127.0.0.1 cannot be had; leave --port away for a free one")
    })?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// Serves until Ctrl-C.
///
/// # Errors
/// When Ctrl-C cannot be listened to.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    progress: &mut Progress<Stderr>,
) -> Result<()> {
    let mut server = Builder::new(TokioExecutor::new()).http1_only();
    server.http1().timer(TokioTimer::new()).header_read_timeout(SILENCE).max_buf_size(64 << 10);
    let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
    let (farewell, ended) = watch::channel(());
    let mut end = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            ended = &mut end => {
                ended.context("Ctrl-C cannot be listened to")?;
                break;
            }
            accepted = accepted => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Mostly too many open files: others will be closed.
                progress.say(&format!("a connection was lost: {error}"));
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Small answers would wait for each other.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
        let mut ended = ended.clone();
        tokio::spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let answered = async {
                tokio::select! {
                    done = &mut connection => done,
                    _ = ended.changed() => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                }
            };
            // What a client does to its connection is no concern of ours.
            let _ = timeout(LIFETIME, answered).await;
            drop(place);
        });
    }
    drop(listener);
    drop(farewell);
    let _ = timeout(FAREWELL, places.acquire_many(CONNECTIONS)).await;
    Ok(())
}
