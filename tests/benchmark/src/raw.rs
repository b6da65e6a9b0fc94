//! The yardstick: the same amount of data as one plain batch over the same bus, without anything of ours.

use std::time::Instant;

const NAME: &str = "org.cwmpd1.benchmark.Raw";

struct Raw(Vec<(String, u8, String)>);

#[zbus::interface(name = "org.cwmpd1.benchmark.Raw")]
impl Raw {
    fn batch(&self) -> Vec<(String, u8, String)> {
        self.0.clone()
    }
}

/// Milliseconds of one call that returns so many values, as the median of `runs`.
pub(crate) fn batch(address: &str, count: usize, runs: usize) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let own = address.to_owned();
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let values = (0..count)
                .map(|i| {
                    (
                        format!("Device.X_CWMPD_Demo.Big.{}.Leaf{}", i / 10 + 1, i % 10),
                        1,
                        format!("value {i}"),
                    )
                })
                .collect();
            let _bus = zbus::connection::Builder::address(own.as_str())
                .expect("the address is one")
                .serve_at("/raw", Raw(values))
                .expect("nothing else is there")
                .name(NAME)
                .expect("a name")
                .build()
                .await
                .expect("the bus is there");
            ready.send(()).expect("somebody waits");
            // Ends with the sender.
            let _ = stopped.await;
        });
    });
    is_ready.recv().expect("the server starts");
    let mut samples: Vec<f64> = runtime.block_on(async {
        let bus = zbus::connection::Builder::address(address)
            .expect("the address is one")
            .build()
            .await
            .expect("the bus is there");
        let mut samples = Vec::new();
        for _ in 0..=runs {
            let began = Instant::now();
            let reply =
                bus.call_method(Some(NAME), "/raw", Some(NAME), "Batch", &()).await.expect("it answers");
            let body = reply.body();
            let values: Vec<(&str, u8, &str)> = body.deserialize().expect("its own kind");
            assert_eq!(values.len(), count, "every value came");
            samples.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        samples
    });
    drop(stop);
    server.join().expect("the server ends");
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
