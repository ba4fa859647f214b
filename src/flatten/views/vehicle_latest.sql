-- One row per vehicle: the newest value of every signal, and when it was measured (..._measuredAt).
-- A signal that the newest event lacks, or that is an error there, keeps its last value.
WITH events AS (
    {events}
),
latest AS (
    SELECT
        vehicle_id,
        max_by(vehicle_make, event_at) FILTER (WHERE vehicle_make IS NOT NULL) AS vehicle_make,
        max_by(vehicle_model, event_at) FILTER (WHERE vehicle_model IS NOT NULL) AS vehicle_model,
        max_by(vehicle_year, event_at) FILTER (WHERE vehicle_year IS NOT NULL) AS vehicle_year,
        max_by(car_timezone, event_at) FILTER (WHERE car_timezone IS NOT NULL) AS car_timezone,
        max(event_at) AS newest_event_at,
        count(*) AS events,
        -- for each signal
        max_by(struct({fields}, {signal}_measuredAt), struct({signal}_measuredAt, event_at))
            FILTER (WHERE {is_known}) AS {signal}
        -- end
    FROM events
    GROUP BY vehicle_id
)
SELECT
    vehicle_id, vehicle_make, vehicle_model, vehicle_year, car_timezone, newest_event_at, events,
    -- for each signal
    {signal}.*
    -- end
FROM latest
