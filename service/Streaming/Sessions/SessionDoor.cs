using System.Diagnostics;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Streaming.Encodings;
using TopGun.Buckets.Streaming.Http;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>Gives verified clients their sessions, whatever transport they come by.</summary>
internal sealed class SessionDoor(
    BucketGrid grid, IActiveRules rules, OpenSessions sessions, SessionForms forms, StreamingMetrics metrics, TimeProvider clock)
{
    /// <summary>Opens a session, which is run once.</summary>
    /// <param name="request">What the client asks for.</param>
    /// <param name="user">Who it is.</param>
    /// <param name="caller">Where it comes from.</param>
    /// <param name="encoding">How lines are written.</param>
    /// <param name="form">What kind of session it is.</param>
    /// <param name="turn">Ends when the costly part of the beginning is done.</param>
    /// <exception cref="SyncException">There is no place or nothing to serve.</exception>
    public OpenSession Open(
        SyncRequest request, SyncUser user, SessionCaller caller, ILineEncoding encoding, SessionForm form, AdmissionTurn turn)
    {
        if (rules.Current is null || !grid.IsReady)
            throw new SyncException(500, "PSYNC_S2302", "ServiceError", "There is no active sync configuration.");
        Activity? span = null;
        return sessions.Open(user, request.ClientId, caller, Begin);

        SyncSession Begin()
        {
            span = metrics.Open(caller);
            return new SyncSession(request, user, grid, rules, encoding, forms.SettingsOf(form, request), clock) { Opened = End };
        }

        void End()
        {
            turn.Dispose();
            span?.Dispose();
        }
    }
}
